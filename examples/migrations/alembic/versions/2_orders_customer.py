from alembic import op

revision, down_revision = "2", "1"


def upgrade():
    with op.get_context().autocommit_block():
        # What a run that was killed in the middle left behind is invalid.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS orders_customer")
        op.create_index("orders_customer", "orders", ["customer"], postgresql_concurrently=True)
