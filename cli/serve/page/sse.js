// Server-sent events, as far as OpenAI's API uses them.

/** events yields the data of each event of a body of bytes; comments, which keep the connection open, are left out. */
export async function* events(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let data = null;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      text += decoder.decode(value, { stream: !done });
      let from = 0;
      for (let end; (end = text.indexOf("\n", from)) >= 0; from = end + 1) {
        const line = text.slice(from, end).replace(/\r$/, "");
        if (line === "" && data !== null) {
          yield data;
          data = null;
        } else if (line.startsWith("data:")) {
          const value = line.slice(5).replace(/^ /, "");
          data = data === null ? value : `${data}\n${value}`;
        }
      }
      text = text.slice(from);
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {}); // of what is left, when nobody wants more
  }
}
