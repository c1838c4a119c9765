class IndexOrdersOnCustomer < ActiveRecord::Migration[6.1]
  disable_ddl_transaction!

  def up
    # What a run that was killed in the middle left behind is invalid.
    execute "DROP INDEX CONCURRENTLY IF EXISTS orders_customer"
    add_index :orders, :customer, name: "orders_customer", algorithm: :concurrently
  end
end
