package bisect

// Why is the purpose of a question.
type Why string

const (
	Endpoint      Why = "endpoint"      // do the two ends differ at all?
	Relevance     Why = "relevance"     // are these axes needed for the failure?
	LevelStep     Why = "level"         // which level of a needed axis?
	Midpoint      Why = "midpoint"      // which commit?
	Blamed        Why = "blamed"        // a commit already blamed in another cause, or just below it
	Necessity     Why = "necessity"     // is the point just below really good?
	Confirmation  Why = "confirmation"  // is a witness seen again?
	Certificate   Why = "certificate"   // does anything fail that avoids every cause found?
	Contradiction Why = "contradiction" // a good build above a bad one: do both stand?
	Turn          Why = "turn"          // where is a failure repaired, and where does it come back?
	Walk          Why = "walk"          // a level that nothing else asked about
	WhyGoodSearch Why = "good-search"   // was it good here, where no good commit was given?
	Drift         Why = "drift"         // do the ends still say what they said?
)

// A Question is a point to build.
type Question struct {
	ID     int // of the trial that answers it
	Point  Point
	Why    Why
	Axes   []int // the axes asked about, where there are any
	Left   int   // commits still suspected, where the commit axis is asked about; 1: only whether that one matters is open
	Repeat bool  // build it even though it was built before

	chance float64 // that it is bad, as far as can be told before; to speculate on
}

// state says what comes of asking for a question.
type state int

const (
	settled  state = iota // nothing to ask here
	asked                 // here is a question
	waiting               // what is in flight decides what to ask; a guess may be asked meanwhile
	draining              // what is in flight may change the answer; ask nothing until it is in
)
