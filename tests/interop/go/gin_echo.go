// A backend with Gin and gorilla/websocket, of Debian's packages. /echo is the handler and the loop
// that the tutorials show, and /same-origin the same without their CheckOrigin; /orders also takes
// orders, as the other backends here do (parts/meeting.py).
package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"
)

// ---- The tutorial's -----------------------------------------------------------

var upgrader = websocket.Upgrader{
	ReadBufferSize:  1024,
	WriteBufferSize: 1024,
	CheckOrigin:     func(r *http.Request) bool { return true },
}

func echo(c *gin.Context, upgrader *websocket.Upgrader) {
	ws, err := upgrader.Upgrade(c.Writer, c.Request, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	for {
		messageType, message, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if err = ws.WriteMessage(messageType, message); err != nil {
			return
		}
	}
}

// ---- The one that takes orders ------------------------------------------------

var lenientUpgrader = websocket.Upgrader{
	ReadBufferSize:    1024,
	WriteBufferSize:   1024,
	CheckOrigin:       func(r *http.Request) bool { return true },
	EnableCompression: true,
	Subprotocols:      []string{"chat.v2", "chat.v1"},
}

var last struct {
	sync.Mutex
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

type order func(ws *websocket.Conn, request *http.Request, rest string) error

func sendJSON(ws *websocket.Conn, value interface{}) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return ws.WriteMessage(websocket.TextMessage, text)
}

func headers(ws *websocket.Conn, request *http.Request, _ string) error {
	found := map[string]string{"host": request.Host}
	for name, values := range request.Header {
		found[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return sendJSON(ws, found)
}

func lastClose(ws *websocket.Conn, _ *http.Request, _ string) error {
	last.Lock()
	defer last.Unlock()
	return sendJSON(ws, &last)
}

func abort(ws *websocket.Conn, _ *http.Request, _ string) error {
	return ws.UnderlyingConn().Close()
}

func ping(ws *websocket.Conn, _ *http.Request, rest string) error {
	ws.SetPongHandler(func(data string) error {
		return ws.WriteMessage(websocket.TextMessage, []byte("pong "+data))
	})
	return ws.WriteControl(websocket.PingMessage, []byte(rest), time.Now().Add(20*time.Second))
}

func closeWith(ws *websocket.Conn, _ *http.Request, rest string) error {
	word, reason, _ := strings.Cut(rest, " ")
	code, err := strconv.Atoi(word)
	if err != nil {
		return err
	}
	message := websocket.FormatCloseMessage(code, reason)
	return ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(20*time.Second))
}

// A message longer than the write buffer goes out in fragments.
func fragments(ws *websocket.Conn, _ *http.Request, rest string) error {
	var count, size int
	if _, err := fmt.Sscan(rest, &count, &size); err != nil {
		return err
	}
	whole := make([]byte, size)
	for i := range whole {
		whole[i] = byte(i*131 + i>>8)
	}
	w, err := ws.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return err
	}
	for at := 0; at < size; at += 100 {
		end := at + 100
		if end > size {
			end = size
		}
		if _, err = w.Write(whole[at:end]); err != nil {
			return err
		}
	}
	return w.Close()
}

// A mebibyte, by turns 64 KiB that compress well and 64 KiB that do not compress.
func block() []byte {
	made := make([]byte, 1<<20)
	state := uint32(1)
	for i := range made {
		state = state*1664525 + 1013904223
		made[i] = byte(i >> 8)
		if i&65536 != 0 {
			made[i] = byte(state >> 24)
		}
	}
	return made
}

func sendMixed(ws *websocket.Conn, size int) error {
	w, err := ws.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return err
	}
	part := block()
	for number := 0; size > 0; number++ {
		part[0] = byte(number)
		if size < len(part) {
			part = part[:size]
		}
		if _, err = w.Write(part); err != nil {
			return err
		}
		size -= len(part)
	}
	return w.Close()
}

func sendBytes(ws *websocket.Conn, count int) error {
	for i := 0; i < count; i++ {
		if err := ws.WriteMessage(websocket.BinaryMessage, []byte{byte(i)}); err != nil {
			return err
		}
	}
	return nil
}

func sendAll(ws *websocket.Conn, size, count int) error {
	if err := sendBytes(ws, count); err != nil {
		return err
	}
	if err := sendMixed(ws, size); err != nil {
		return err
	}
	return sendBytes(ws, count)
}

func exchange(ws *websocket.Conn, _ *http.Request, rest string) error {
	var size, count int
	if _, err := fmt.Sscan(rest, &size, &count); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() { sent <- sendAll(ws, size, count) }()
	digests := sha256.New()
	for i := 0; i < 2*count+1; i++ {
		_, message, err := ws.ReadMessage()
		if err != nil {
			return err
		}
		digest := sha256.Sum256(message)
		digests.Write(digest[:])
	}
	if err := <-sent; err != nil {
		return err
	}
	said := fmt.Sprintf("%x", digests.Sum(nil))
	return ws.WriteMessage(websocket.TextMessage, []byte(said))
}

var orders = map[string]order{
	"headers": headers, "last-close": lastClose, "abort": abort, "ping": ping, "close": closeWith,
	"fragments": fragments, "exchange": exchange,
}

func obey(ws *websocket.Conn, request *http.Request, kind int, message []byte) error {
	name, rest, _ := strings.Cut(string(message), " ")
	if kind == websocket.TextMessage && strings.HasPrefix(name, "/") {
		if known, found := orders[name[1:]]; found {
			return known(ws, request, rest)
		}
	}
	return ws.WriteMessage(kind, message)
}

func takeOrders(c *gin.Context) {
	ws, err := lenientUpgrader.Upgrade(c.Writer, c.Request, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	for {
		kind, message, err := ws.ReadMessage()
		if closed, is := err.(*websocket.CloseError); is {
			last.Lock()
			last.Code, last.Reason = closed.Code, closed.Text
			last.Unlock()
		}
		if err != nil || obey(ws, c.Request, kind, message) != nil {
			return
		}
	}
}

func main() {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.GET("/echo", func(c *gin.Context) { echo(c, &upgrader) })
	router.GET("/same-origin", func(c *gin.Context) { echo(c, &websocket.Upgrader{}) })
	router.GET("/orders", takeOrders)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("{\"port\": %d}\n", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	_ = http.Serve(listener, router)
}
