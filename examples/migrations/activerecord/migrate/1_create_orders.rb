class CreateOrders < ActiveRecord::Migration[6.1]
  def up
    create_table(:orders) { |table| table.integer :customer }
    execute "INSERT INTO orders (customer) SELECT g % 100 FROM generate_series(1, 10000) g"
  end
end
