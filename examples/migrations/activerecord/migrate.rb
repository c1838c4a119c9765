require "active_record"

# libpq's environment says where the database is. Should this process be killed, the
# server ends its statement within a second. ActiveRecord's own lock would only make
# the others fail.
ActiveRecord::Base.establish_connection(
  adapter: "postgresql", advisory_locks: false,
  variables: { client_connection_check_interval: "1s" })
ActiveRecord::Migrator.migrations_paths = [File.join(__dir__, "migrate")]
owner = ActiveRecord::Base.connection_pool       # from ActiveRecord 7.2 on
owner = ActiveRecord::Base.connection unless owner.respond_to?(:migration_context)
owner.migration_context.migrate
