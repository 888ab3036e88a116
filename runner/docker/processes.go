package docker

import (
	"context"
	"encoding/json"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// places is how many processes and threads the engine and a shell need to begin a script.
const places = 8

// crowded reports whether a box has so many processes that no script can begin in it. Whether a running
// script was refused one its supervisor says, and more surely; but that one is a process as well.
func (b *box) crowded(ctx context.Context) bool {
	call, cancel := within(ctx, callDeadline)
	defer cancel()
	answer, err := b.engine.cli.ContainerStats(call, b.id, client.ContainerStatsOptions{})
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var said container.StatsResponse
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		return false
	}
	// Without a limit the engine says 0, or a number beyond all limits.
	return said.PidsStats.Limit > 0 && said.PidsStats.Current+places >= said.PidsStats.Limit
}
