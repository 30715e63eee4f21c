create table a (
  id int,,
);

create table b (id int, key (n));
create table c (id int comment "x);
