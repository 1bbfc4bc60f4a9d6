// Package edit is a chat's line editor without its terminal. An Editor takes each Key, which says what is to be done
// then (Event), and lays its text out in rows for a terminal's size (View); a Turn is what was entered. A History
// keeps turns over sessions.
package edit
