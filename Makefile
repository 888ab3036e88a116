# demo and test do everything a fresh machine needs; the rest is for those who work on bisect.
.PHONY: demo test setup build check bench soak fuzz clean
.DEFAULT_GOAL := build

# Find the isolated causes of Kubernetes issue 98646, with the real tools.
demo: setup build
	bin/bisect run k8s-98646

# All tests, those against the real engine included. What CI runs. The packages that take longest go first.
test: setup
	go vet ./...
	go test -timeout 40m ./cmd/bisect ./runner/docker ./...

# What the machine lacks, from Debian packages; says what and why.
setup:
	@bash .ci/setup

build:
	@test -e bin/bisect || echo "building bin/bisect (a minute the first time)"
	CGO_ENABLED=0 go build -trimpath -tags urfave_cli_no_docs -ldflags "-s -w" -o bin/bisect ./cmd/bisect

# Format, vet, staticcheck, code that nothing reaches, layers, unit and script tests: no engine, two or three
# minutes.
check:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "not gofmt-ed: $$files"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	@dead=$$(go tool deadcode -test ./...) && test -z "$$dead" || { echo "$$dead"; exit 1; }
	go test -short ./...
	@if command -v cc >/dev/null; then echo "go test -race: $(small)"; go test -race -short $(small); \
	else echo "no C compiler, so no race detector: apt-get install gcc libc6-dev"; fi

# What the race detector looks at in make check: the packages in which several things happen at once and whose tests
# are quick. It looks at all of them in make soak.
small = ./bisect/report ./images/fetch ./images/workdir ./runner/backend ./runner/explain ./runner/journal ./runner/lab \
	./runner/retry ./runner/session ./runner/space

# Figures, as ratios where there is something to compare with.
bench: setup build
	bash .ci/bench

# What takes longer, some hours in all: many random worlds, fuzzing, interrupts and kills, the engine failing at random for ten minutes, every
# toolchain of the catalogue, every shipped scenario, the race detector over everything.
soak: setup fuzz
	BISECT_WORLDS=100000 go test -timeout 60m -count=1 ./bisect
	BISECT_ATTRIBUTES=3000 go test -timeout 60m -count=1 -run Checkout ./runner/git/checkout
	BISECT_TOOLCHAINS=all go test -count=1 -timeout 60m -run 'Toolchains|DebianBase' ./images
	BISECT_TOOLCHAINS=all go test -count=1 -timeout 60m -run 'Scripts/engine/(world-debian-tools|images-elsewhere)|Snapshots' ./cmd/bisect
	BISECT_TOOLCHAINS=all go test -count=1 -timeout 60m -run EngineOfItsOwn ./runner/docker
	BISECT_SCENARIOS=all go test -count=1 -timeout 60m -run Shipped ./cmd/bisect
	BISECT_INTERRUPTS=200 go test -count=1 -timeout 60m -run Scripts/engine/interrupted ./cmd/bisect
	BISECT_KILLS=200 go test -count=1 -timeout 120m -run 'Scripts/nested/(killed|gc)' ./cmd/bisect
	BISECT_KILLS=all go test -count=1 -timeout 60m -run Killed ./runner
	BISECT_SECRETS=500 go test -count=1 -timeout 60m -run RealWriters ./runner
	BISECT_SOAK=10m go test -v -count=1 -timeout 60m -run Soak ./runner
	go test -race -count=1 -timeout 120m ./...

# A minute for each fuzz target there is. What one finds is kept below testdata/fuzz: commit it with the fix.
fuzz:
	@set -e; for package in $$(go list ./...); do \
		targets=$$(go test -list '^Fuzz' $$package); \
		for target in $$(echo "$$targets" | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime 60s -fuzzminimizetime 20x $$package; \
		done; \
	done

clean:
	rm -rf bin
