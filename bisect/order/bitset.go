package order

import "math/bits"

// A Set is a set of small non-negative integers.
type Set []uint64

// NewSet is an empty set of integers less than n.
func NewSet(n int) Set { return make(Set, (n+63)/64) }

func (b Set) Has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b Set) Add(i int)      { b[i/64] |= 1 << (i % 64) }
func (b Set) Remove(i int)   { b[i/64] &^= 1 << (i % 64) }

// RemoveAll removes every member of c, which has b's size.
func (b Set) RemoveAll(c Set) {
	for i := range b {
		b[i] &^= c[i]
	}
}

func (b Set) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Members lists the set in increasing order.
func (b Set) Members() []int {
	list := make([]int, 0, b.Count())
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			list = append(list, i*64+bits.TrailingZeros64(w))
		}
	}
	return list
}

func (b Set) Empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}
