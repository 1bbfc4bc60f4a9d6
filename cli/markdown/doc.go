// Package markdown draws Markdown on a terminal while it comes.
package markdown
