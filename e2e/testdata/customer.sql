CREATE TABLE customer (customer_id bigint NOT NULL, email varchar(128), name varchar(64), PRIMARY KEY (customer_id), KEY email (email));
CREATE TABLE corder (order_id bigint NOT NULL, customer_id bigint NOT NULL, sku varchar(64), price bigint, PRIMARY KEY (order_id, customer_id), KEY customer_id (customer_id));
