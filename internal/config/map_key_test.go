package config

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"shardform/internal/diag/spell"
)

// What errors print as the key of a map is read back as it was.
func TestAMapKeyIsReadBackAsItWas(t *testing.T) {
	for _, key := range []string{"customer", "order-item_2", "for", "null", "true", "if", "2fa", "-a", "order items", `a"b\`, "${x}", "$${x}", "%{ if", "a\tb", "ü", "a.b"} {
		expr, diags := hclsyntax.ParseExpression([]byte("{ "+spell.MapKey(key)+" = 8 }"), "main.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Errorf("%q: %v", key, diags)
			continue
		}
		value, diags := expr.Value(nil)
		if want := cty.ObjectVal(map[string]cty.Value{key: cty.NumberIntVal(8)}); diags.HasErrors() || !value.RawEquals(want) {
			t.Errorf("%q is read as %#v, %v", key, value, diags)
		}
	}
}
