cluster "s" {
  sandbox {
    keyspace "file" {
      shards = ["0"]
      schema = file("broken.sql")
      generate "unread" { rows = 1 }
    }
    keyspace "tables" {
      shards = ["0"]
      schema = <<-EOT
        /*!40101 SET NAMES utf8mb4 */;
        create table customer (id bigint primary key);
        -- and again
        create table customer (id bigint primary key);
        create view v as select 1;
        create table t (id itn);
        create table u (id bigint primary key);
      EOT
      generate "u" { rows = 1 }
    }
    keyspace "rows" {
      shards = ["0"]
      schema = "create table customer (id bigint primary key);\ncreate table corder (id bigint primary key);\ndrop table x"
      load "custmer" { csv = "rows.csv" }
      generate "corder" { rows = 1 }
      generate "order" { rows = 1 }
      generate "something" { rows = 1 }
    }
    keyspace "empty" {
      shards = ["0"]
      schema = ""
      generate "t" { rows = 1 }
    }
  }
}
