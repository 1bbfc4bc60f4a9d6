package serve

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// connections bounds how many there are. At the bound a new one takes the place of the one that has rested
// longest between two requests; while none rests, it waits in the system's queue.
type connections struct {
	net.Listener
	room   chan struct{} // holds one element for each that is open
	closed chan struct{}
	close  func() error

	mu      sync.Mutex
	idle    []net.Conn // the one that rests longest in front
	waiting bool       // one that is new waits for a place
}

func limitConnections(l net.Listener, most int) *connections {
	c := &connections{Listener: l, room: make(chan struct{}, most), closed: make(chan struct{})}
	c.close = sync.OnceValue(func() error {
		close(c.closed)
		return l.Close()
	})
	return c
}

func (c *connections) Close() error { return c.close() }

func (c *connections) Accept() (net.Conn, error) {
	select {
	case c.room <- struct{}{}:
	default:
		if !c.wait() {
			return nil, net.ErrClosed
		}
	}
	conn, err := c.Listener.Accept()
	if err != nil {
		<-c.room
		return nil, err
	}
	return &counted{Conn: conn, leave: sync.OnceFunc(func() { <-c.room })}, nil
}

// wait takes a place as soon as there is one, or reports that the listener is closed.
func (c *connections) wait() bool {
	c.mu.Lock()
	c.waiting = true
	c.endIdle()
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.waiting = false
		c.mu.Unlock()
	}()
	select {
	case c.room <- struct{}{}:
		return true
	case <-c.closed:
		return false
	}
}

// endIdle closes the connection that rests longest, if one does. The connections are locked.
func (c *connections) endIdle() {
	if len(c.idle) == 0 {
		return
	}
	first := c.idle[0]
	c.idle = c.idle[1:]
	c.waiting = false                 // one is enough
	go func() { _ = first.Close() }() // which TLS may take seconds for
}

// changed is http.Server.ConnState.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = slices.DeleteFunc(c.idle, func(other net.Conn) bool { return other == conn })
	if state == http.StateIdle {
		if c.idle = append(c.idle, conn); c.waiting {
			c.endIdle()
		}
	}
}

// counted is a connection that makes room when it is closed.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
