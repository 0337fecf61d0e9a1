// Both ends of Lumberjack, by the client and server library that Filebeat is built from.
//
//	beats send -addr HOST:PORT …   sends the lines of standard input as events; prints each line when it is acknowledged
//	beats receive -addr HOST:PORT …   prints each event that comes as a line of JSON, and acknowledges it
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	v2 "github.com/elastic/go-lumber/client/v2"
	"github.com/elastic/go-lumber/server"
)

type settings struct {
	address, authority, certificate, key string
	level, batch, inFlight               int
	timeout, wait                        time.Duration
	old                                  bool
}

func main() {
	var s settings
	flags := flag.NewFlagSet("beats", flag.ExitOnError)
	flags.StringVar(&s.address, "addr", "", "host and port")
	flags.StringVar(&s.authority, "ca", "", "the authority that is trusted; turns TLS on")
	flags.StringVar(&s.certificate, "cert", "", "the certificate that is shown; turns TLS on")
	flags.StringVar(&s.key, "key", "", "its key")
	flags.IntVar(&s.level, "z", 3, "compression level")
	flags.IntVar(&s.batch, "batch", 100, "events of a window")
	flags.IntVar(&s.inFlight, "inflight", 1, "windows under way")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "time without a word after which a connection counts as dead")
	flags.DurationVar(&s.wait, "wait", 0, "how long a received window is held before it is acknowledged")
	flags.BoolVar(&s.old, "old", false, "receive version 1 as well")
	check(flags.Parse(os.Args[2:]))
	if os.Args[1] == "send" {
		send(s)
	} else {
		receive(s)
	}
}

func (s settings) tls() *tls.Config {
	if s.authority == "" && s.certificate == "" {
		return nil
	}
	config := &tls.Config{ServerName: "localhost"}
	if s.authority != "" {
		text, err := os.ReadFile(s.authority)
		check(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(text)
		config.RootCAs, config.ClientCAs = pool, pool
	}
	if s.certificate != "" {
		pair, err := tls.LoadX509KeyPair(s.certificate, s.key)
		check(err)
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

// send reads lines until standard input ends; a window is what one batch of them is, or what came until now.
func send(s settings) {
	dial := net.Dial
	if config := s.tls(); config != nil {
		dial = func(network, address string) (net.Conn, error) { return tls.Dial(network, address, config) }
	}
	options := []v2.Option{v2.CompressionLevel(s.level), v2.Timeout(s.timeout)}
	client, err := v2.AsyncDialWith(dial, s.address, s.inFlight, options...)
	check(err)
	failed := make(chan error, 1)
	acknowledged := make(chan int, 1<<20)
	sent, begun := 0, time.Now()
	for lines := range windows(s.batch) {
		events := make([]interface{}, len(lines))
		for i, line := range lines {
			events[i] = event(line)
		}
		lines := lines
		check(client.Send(func(count uint32, err error) {
			for _, line := range lines[:count] {
				fmt.Println(line)
			}
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
			acknowledged <- int(count)
		}, events))
		sent += len(lines)
	}
	for sent > 0 {
		select {
		case err := <-failed:
			check(err)
		case count := <-acknowledged:
			sent -= count
		}
	}
	fmt.Fprintf(os.Stderr, "all acknowledged after %.3f s\n", time.Since(begun).Seconds())
	_ = client.Close()
}

func windows(most int) <-chan []string {
	lines, found := make(chan string, most), make(chan []string)
	go func() {
		scanner := bufio.NewScanner(os.Stdin)
		scanner.Buffer(nil, 64<<20)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
		close(lines)
	}()
	go func() {
		defer close(found)
		for line := range lines {
			window := []string{line}
			for len(window) < most {
				line, more := next(lines)
				if !more {
					break
				}
				window = append(window, line)
			}
			found <- window
		}
	}()
	return found
}

func next(lines <-chan string) (string, bool) {
	select {
	case line, more := <-lines:
		return line, more
	case <-time.After(20 * time.Millisecond):
		return "", false
	}
}

// event is what Filebeat sends for a line; a line that is JSON itself is sent as it is.
func event(line string) interface{} {
	if line != "" && line[0] == '{' {
		return json.RawMessage(line)
	}
	return map[string]interface{}{
		"@timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"@metadata":  map[string]string{"beat": "filebeat", "type": "_doc", "version": "8.19.0"},
		"message":    line,
		"host":       map[string]string{"name": "web-1"},
	}
}

func receive(s settings) {
	options := []server.Option{server.V2(true), server.V1(s.old), server.Timeout(s.timeout), server.Keepalive(time.Second)}
	if config := s.tls(); config != nil {
		options = append(options, server.TLS(config))
	}
	serving, err := server.ListenAndServe(s.address, options...)
	check(err)
	out := json.NewEncoder(os.Stdout)
	for batch := range serving.ReceiveChan() {
		time.Sleep(s.wait)
		for _, event := range batch.Events {
			check(out.Encode(event))
		}
		batch.ACK()
	}
}

func check(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
