-- Histograms of waits and holds, per namespace.
SELECT lock_namespace('bars') IS NOT NULL;
SELECT wait_histogram, hold_histogram FROM lock_stats WHERE namespace = 'bars';
SELECT try_lock('bars', 'a');
SELECT pg_sleep(0.02);
SELECT unlock('bars', 'a');
-- one hold of more than 16 ms, and of less than an hour
SELECT cardinality(hold_histogram), hold_histogram[1] + hold_histogram[2] + hold_histogram[3] AS short,
	   (SELECT sum(n) FROM unnest(hold_histogram[4:12]) AS n) AS long
FROM lock_stats WHERE namespace = 'bars';
-- the bounds are powers of four, from 1 ms to 3.1 days, and counts add up
SELECT upper_bound, cumulative_count >= lag(cumulative_count, 1, 0::bigint) OVER (ORDER BY upper_bound) AS rises
FROM lock_histograms WHERE namespace = 'bars' AND measure = 'hold';
SELECT measure, cumulative_count, total > '0' AS took_time
FROM lock_histograms WHERE namespace = 'bars' AND upper_bound IS NULL ORDER BY measure;

-- a reset
SELECT reset_lock_stats();
SELECT sum(cumulative_count) FROM lock_histograms WHERE namespace = 'bars';

SELECT drop_lock_namespace('bars');
