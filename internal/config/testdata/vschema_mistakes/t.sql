create table customer (customer_id bigint not null primary key, email varchar(100));
