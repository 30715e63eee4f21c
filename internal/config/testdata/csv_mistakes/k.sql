create table customer (id bigint auto_increment primary key, email varchar(100) not null, name varchar(20) not null, born date not null default '2000-01-01', note text);
create table corder (id bigint primary key, price decimal(10, 2), comment text, picture blob, weight double);
create table hollow (id int primary key);
create table blank (id int primary key);
create table quotes (id int primary key, v text);
create table many (id int primary key);
create table `right` (id int primary key, price decimal(10, 2), weight double, picture blob, v text);
