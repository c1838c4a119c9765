-- Asking a holder to give a lock up.
\set VERBOSITY sqlstate
SELECT request_lock('default', 'k', 'deploy');	-- false: nobody holds it
SELECT try_lock('default', 'k');	-- true
SELECT yield_requested('default', 'k');	-- null: the request was before
SELECT yield_requested FROM lock_holders;	-- null
SELECT request_lock('default', 'k', 'deploy of 4.2');	-- true
SELECT yield_requested('default', 'k'), yield_requested('default', 'k', fencing_token('default', 'k'));	-- deploy of 4.2
SELECT yield_requested FROM lock_holders;	-- deploy of 4.2
SELECT yield_requested FROM lock_holder('default', 'k');	-- deploy of 4.2
SELECT request_lock('default', 'k', 'another reason'), yield_requested('default', 'k');	-- true, the newer one
SELECT lost, asked = ARRAY[fencing_token('default', 'k')] AS asked FROM exclusive_internal._heartbeat(ARRAY[fencing_token('default', 'k')]);	-- {}, true
SELECT unlock('default', 'k'), try_lock('default', 'k');	-- true, true
SELECT yield_requested('default', 'k'), yield_requested('default', 'free');	-- null: it is another grant
SELECT lost, asked FROM exclusive_internal._heartbeat(ARRAY[fencing_token('default', 'k')]);	-- none
SELECT try_xact_lock('default', 'x'), request_lock('default', 'x', 'r');	-- true, true: whatever the scope
SELECT unlock('default', 'k');	-- true
SELECT try_lock_permit('default', 'p', 3), request_lock('default', 'p', 'r'), yield_requested('default', 'p');	-- 1, true, r
SELECT unlock_all();	-- 1
-- a lease: with its renewal
SELECT lock_namespace('lent', max_lease => '1 min') IS NOT NULL;	-- true
SELECT acquire_lease('lent', 'k', '30 s') AS token \gset
SELECT renew_lease('lent', 'k', :token), yield_requested('lent', 'k', :token);	-- true, null
SELECT request_lock('lent', 'k', 'deploy');	-- true
SELECT renew_lease('lent', 'k', :token), yield_requested('lent', 'k', :token);	-- true, deploy
SELECT held = asked AS asked FROM exclusive_internal._renew_leases(ARRAY['lent'], ARRAY['k'], ARRAY[:token]);	-- true
SELECT yield_requested FROM lock_holders;	-- deploy
SELECT hand_over_lease('lent', 'k', :token) AS token \gset
SELECT yield_requested('lent', 'k', :token);	-- null: the new owner was not asked
-- broken, after a while: the holder was asked first
SELECT renew_lease('lent', 'k', :token, '2 s'), break_lock('lent', 'k', 'enough', after => '10 ms');	-- true, 1
SELECT break_lock('lent', 'k', 'enough', after => '1 day');	-- 0: at once, for nobody holds it
-- what is refused
SELECT request_lock('default', 'k', NULL);	-- 22004
SELECT request_lock('default', NULL, 'r');	-- 22004
SELECT request_lock('nowhere', 'k', 'r');	-- 42704
SELECT request_lock('default', 'k', repeat('x', 256));	-- 22023
SELECT yield_requested('nowhere', 'k');	-- 42704
SELECT break_lock('default', 'k', 'r', '-1 s');	-- 22023
-- requests at locks that nobody holds do not add up
SELECT count(*) FROM generate_series(1, 1000) n WHERE request_lock('default', n::text, 'r');	-- 0
SELECT try_lock('lent', 'k', wait => '1 min'), unlock('lent', 'k');	-- true, true
SELECT drop_lock_namespace('lent');
