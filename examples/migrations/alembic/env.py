import os

from alembic import context
from sqlalchemy import create_engine

# Should this process be killed, the server ends its statement within a second.
engine = create_engine(context.config.get_main_option("sqlalchemy.url"), connect_args={
    "options": "-c client_connection_check_interval=1s " + os.environ.get("PGOPTIONS", "")})

with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
