// Package journal keeps what a run was asked for and what it built, in the folder of the run.
//
// A [State] is that folder (state.go). Its journal is only appended to (journal.go), and sealed (seal.go). A
// [Recorder] tells a run what happens next, and answers from the journal as long as an earlier process has
// written there (recorder.go): a run that was killed goes on without knowing it.
package journal
