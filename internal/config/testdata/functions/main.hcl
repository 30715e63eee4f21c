output "all" {
  value = [
    abs(-1), ceil(1.2), floor(1.8), max(1, 2), min(1, 2), format("%03d", 7), formatlist("%s!", ["a"]), join("-", ["a", "b"]), split(",", "a,b"),
    lower("A"), upper("a"), trimspace(" a "), replace("a.b", ".", "-"), replace("a1", "/[0-9]/", "x"), regex("[a-z]+", "12ab"), regexall("[a-z]", "a1b"),
    length([1]), length("äb"), length({ a = 1 }), element(["a", "b"], 3), index(["a", "b"], "b"), lookup({ a = 1 }, "b", 2), keys({ a = 1 }), values({ a = 1 }),
    merge({ a = 1 }, { b = 2 }), concat([1], [2]), flatten([[1], [2]]), distinct(["a", "a"]), contains(["a"], "a"), compact(["", "a"]), slice([1, 2, 3], 1, 2),
    sort(["b", "a"]), reverse([1, 2]), range(3), setunion(["a"], ["b"]), setintersection(["a", "b"], ["b"]), setsubtract(["a", "b"], ["b"]), zipmap(["a"], [1]),
    coalesce(null, "x"), coalescelist([], ["y"]), jsonencode({ a = [1] }), jsondecode("{\"a\":1}"), csvdecode("a,b\n1,2"), tostring(1), tonumber("1"), tobool("true"),
    tolist(["a"]), toset(["a", "a"]), tomap({ a = 1 }), try(jsondecode("x"), "fallback"), can(jsondecode("x")), file("data.txt"), fileexists("data.txt"), fileexists("no"),
    basename("a/b"), dirname("a/b"), formatdate("YYYY", "2026-01-02T00:00:00Z"), timeadd("2026-01-02T00:00:00Z", "1h"), nonsensitive(sensitive("x")),
    base64encode("x"), base64decode("eA=="), sha256("x"), md5("x"), even_shards(3), startswith("abc", "a"), endswith("abc", "c"), strcontains("abc", "b"),
    title("ab"), substr("abc", 1, 1), trim("xax", "x"), trimprefix("xa", "x"), trimsuffix("ax", "x"), chomp("a\n"), indent(2, "a\nb"), strrev("ab"), chunklist([1, 2], 1),
    parseint("ff", 16), pow(2, 3), signum(-2), setproduct(["a"], ["b"]), urlencode("a b"),
  ]
}
