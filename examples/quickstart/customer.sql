CREATE TABLE customer (
  customer_id BIGINT NOT NULL,
  email VARCHAR(128) NOT NULL,
  name VARCHAR(128) NOT NULL,
  city VARCHAR(64) NOT NULL,
  created_at DATETIME NOT NULL,
  PRIMARY KEY (customer_id),
  KEY email (email)
);

CREATE TABLE corder (
  order_id BIGINT NOT NULL,
  customer_id BIGINT NOT NULL,
  sku VARCHAR(64) NOT NULL,
  price BIGINT NOT NULL,
  ordered_at DATETIME NOT NULL,
  PRIMARY KEY (order_id),
  KEY customer_id (customer_id)
);
