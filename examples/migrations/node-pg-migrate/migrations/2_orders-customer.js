exports.up = (pgm) => {
  pgm.noTransaction();
  // What a run that was killed in the middle left behind is invalid.
  pgm.sql("DROP INDEX CONCURRENTLY IF EXISTS orders_customer");
  pgm.createIndex("orders", "customer", { name: "orders_customer", concurrently: true });
};
