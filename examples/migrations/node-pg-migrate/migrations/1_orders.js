exports.up = (pgm) => {
  pgm.createTable("orders", { id: "id", customer: "integer" });
  pgm.sql("INSERT INTO orders (customer) SELECT g % 100 FROM generate_series(1, 10000) g");
};
