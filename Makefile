# demo and test do everything a fresh machine needs; the rest is for those who work on bisect.
.PHONY: demo test setup build check bench soak clean
.DEFAULT_GOAL := build

# Find the isolated causes of Kubernetes issue 98646, with the real tools.
demo: setup build
	bin/bisect run k8s-98646

# All tests, those against the real engine included. What CI runs.
test: setup
	go vet ./...
	go test -timeout 30m ./...

# What the machine lacks, from Debian packages; says what and why.
setup:
	@bash .ci/setup

build:
	@test -e bin/bisect || echo "building bin/bisect (a minute the first time)"
	go build -trimpath -o bin/bisect ./cmd/bisect

# Format, vet, layers, unit and script tests: no engine, under a minute.
check:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "not gofmt-ed: $$files"; exit 1; }
	go vet ./...
	go test -short ./...

# Figures, as ratios where there is something to compare with.
bench: setup build
	bash .ci/bench

# What takes longer: many random worlds, interrupts and fuzzing, every toolchain of the catalogue, the race detector.
soak: setup
	BISECT_WORLDS=100000 go test -timeout 60m -count=1 ./bisect
	go test -run '^$$' -fuzz FuzzDecode -fuzztime 60s -fuzzminimizetime 10x ./scenarios
	go test -run '^$$' -fuzz FuzzImport -fuzztime 60s -fuzzminimizetime 10x ./runner/git
	go test -run '^$$' -fuzz FuzzTree -fuzztime 60s -fuzzminimizetime 20x ./images/unpack
	go test -run '^$$' -fuzz Fuzz -fuzztime 60s -fuzzminimizetime 20x ./images/relink
	BISECT_TOOLCHAINS=all go test -count=1 -timeout 60m -run Toolchains ./images
	BISECT_INTERRUPTS=200 go test -count=1 -timeout 60m -run Scripts/engine/interrupted ./cmd/bisect
	go test -race -count=1 -timeout 60m ./images/... ./runner/... ./cmd/...

clean:
	rm -rf bin
