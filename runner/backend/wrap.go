package backend

// As finds an ability, such as [HealthChecker], in what is a [Backend] or a [Box]: of x itself, or of the
// first that x wraps and that has it. A wrapper names what it wraps by a method Unwrap, and so loses no
// ability of it, as with [errors.As].
func As[Ability any](x any) (Ability, bool) {
	for {
		if ability, ok := x.(Ability); ok {
			return ability, true
		}
		switch w := x.(type) {
		case interface{ Unwrap() Backend }:
			x = w.Unwrap()
		case interface{ Unwrap() Box }:
			x = w.Unwrap()
		default:
			var none Ability
			return none, false
		}
	}
}
