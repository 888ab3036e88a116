// Command ryuk stands in for Ryuk in tests: it speaks its protocol and removes containers, but waits for a
// second only. See https://github.com/testcontainers/moby-ryuk
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

func main() {
	l, err := net.Listen("tcp", ":"+os.Getenv("RYUK_PORT"))
	check(err)
	conn, err := l.Accept()
	check(err)
	r := bufio.NewReader(conn)
	line, err := r.ReadString('\n')
	check(err)
	fmt.Fprint(conn, "ACK\n")
	_, _ = r.ReadString('\n') // until the connection ends
	time.Sleep(time.Second)
	label, _ := strings.CutPrefix(strings.TrimSpace(line), "label=")
	check(remove(label))
}

func remove(label string) error {
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", "/var/run/docker.sock")
	}}}
	filters, err := json.Marshal(map[string][]string{"label": {label}})
	if err != nil {
		return err
	}
	answer, err := c.Get("http://engine/containers/json?all=1&filters=" + url.QueryEscape(string(filters)))
	if err != nil {
		return err
	}
	var found []struct{ ID string }
	if err := json.NewDecoder(answer.Body).Decode(&found); err != nil {
		return err
	}
	for _, box := range found {
		request, err := http.NewRequest(http.MethodDelete, "http://engine/containers/"+box.ID+"?force=1&v=1", nil)
		if err == nil {
			_, err = c.Do(request)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
