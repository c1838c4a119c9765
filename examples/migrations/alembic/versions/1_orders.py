from alembic import op

revision, down_revision = "1", None


def upgrade():
    op.execute("CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, customer int)")
    op.execute("INSERT INTO orders (customer) SELECT g % 100 FROM generate_series(1, 10000) g")
