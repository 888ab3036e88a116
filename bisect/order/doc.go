// Package order knows partial orders of levels, and their midpoints: the level that splits what is left most
// evenly, as git bisect does for commits, but weighted and for large histories.
//
// The parents of each level come in ([New]), and a weight for each if some are likelier than others
// ([Order.SetPrior]). Out go what lies at or below a level ([Order.Down]), the weight of that within a set
// ([Order.Weigh]), and the level nearest to a half of it ([Weighing.Nearest]). The package knows nothing of
// builds, verdicts or searches.
//
//	order.go    what an order is
//	below.go    which levels are at or below another
//	weigh.go    weights of levels, and which of them are remembered
//	nearest.go  the midpoint
//	graph.go    the graph reduced to its forks and merges, for adding up
//	count.go    the rest, counted exactly or by a sample
//	bitset.go   sets of levels
package order
