// A server that hands out sealvk's own page, below a prefix as a proxy would, and answers in ways that no model does on
// demand: markup, slowly, busily, not at all. What it says depends on the last message.
import { createServer } from "node:http";

export const prefix = "/behind/a proxy/".replace(" ", "%20");

const thai = "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย ตั้งอยู่บนฝั่งแม่น้ำเจ้าพระยา มีชื่อเต็มยาวที่สุดในโลก และเป็นศูนย์กลางการปกครอง การศึกษา การคมนาคมขนส่ง การเงินการธนาคาร การพาณิชย์ การสื่อสาร และความเจริญของประเทศ";

export const markup = `Before <script>window.canary = "ran"</script> <img src=x onerror="window.canary='ran'"> and [a link](javascript:window.canary='ran'), **<b onclick="window.canary='ran'">bold</b>**.

\`\`\`html
<script>window.canary = "ran"</script>
\`\`\`

<iframe srcdoc="<script>parent.canary='ran'</script>"></iframe> ![picture](https://example.com/x.png)`;

export const document = `# เมืองหลวงของอาเซียน

เมืองหลวงแต่ละแห่งมีเอกลักษณ์ของตนเอง ทั้ง**ประวัติศาสตร์** *อาหาร* และ \`code\` ต่อไปนี้เป็นรายการโดยย่อ:

1. กรุงเทพฯ – ประเทศไทย
2. ភ្នំពេញ – កម្ពុជា
3. ວຽງຈັນ – ລາວ
4. နေပြည်တော် – မြန်မာ
5. Hà Nội – Việt Nam

| ประเทศ | เมืองหลวง | ประชากร |
|:--|:-:|--:|
| ไทย | กรุงเทพมหานคร | 5.5 M |
| Việt Nam | Hà Nội | 8.4 M |

> คำพูดสั้น ๆ

\`\`\`python
def capital(country: str) -> str:
    return {"Thailand": "Bangkok", "Viet Nam": "Ha Noi", "Cambodia": "Phnom Penh", "Lao PDR": "Vientiane"}[country]
\`\`\`

ดูเพิ่มเติมที่ https://example.com/a_long_address_that_has_no_place_to_break/and_goes_on_and_on_and_on_and_on`;

/** mock starts one. page is the address of a sealvk serve. The result has url, requests (the bodies), close(), and what a test may set. */
export async function mock(page) {
  const state = { requests: [], closed: 0, open: new Set() };
  state.reset = () => Object.assign(state, { key: "", health: null, busy: 0, most: Infinity });
  state.reset();
  const server = createServer(async (request, response) => {
    if (!request.url.startsWith(prefix)) return response.writeHead(404).end();
    const path = request.url.slice(prefix.length - 1);
    const json = (status, body, headers = {}) => response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
    const fail = (status, message, code, headers) => json(status, { error: { message, type: "invalid_request_error", param: null, code } }, headers);
    if (request.method === "GET" && (path === "/" || path.startsWith("/page/"))) {
      const got = await fetch(page + path, { headers: request.headers["if-none-match"] ? { "If-None-Match": request.headers["if-none-match"] } : {} });
      response.writeHead(got.status, Object.fromEntries([...got.headers].filter(([name]) => !["connection", "keep-alive", "transfer-encoding"].includes(name))));
      return response.end(Buffer.from(await got.arrayBuffer()));
    }
    if (path === "/health") return state.health ? json(503, state.health) : json(200, { status: "ok" });
    if (state.key && request.headers.authorization !== `Bearer ${state.key}`) return fail(401, "Incorrect API key", "invalid_api_key");
    if (path === "/v1/models") return json(200, { object: "list", data: [{ id: "mock", object: "model", max_model_len: 4096 }, { id: "other", object: "model", max_model_len: 4096 }] });
    if (path !== "/v1/chat/completions") return fail(404, "nothing here", "not_found");
    let body = "";
    for await (const part of request) body += part;
    body = JSON.parse(body);
    state.requests.push(body);
    const said = body.messages.at(-1).content;
    if (said === "busy" && state.busy-- > 0) return fail(429, "The queue is full", "rate_limit_exceeded", { "Retry-After": "1" });
    if (said === "loading" && state.health) return fail(503, "not ready", "model_not_ready");
    if (said === "too long" || body.messages.length > state.most) return fail(400, "messages has 5000 tokens; the context holds 4096 with the answer", "context_length_exceeded");
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    state.open.add(response);
    response.on("close", () => {
      state.open.delete(response);
      if (!response.writableFinished) state.closed++;
    });
    const event = (part) => response.write(`data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: body.model, ...part })}\n\n`);
    const text = (content) => event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
    response.write(": keep-alive\n\n");
    event({ choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] });
    const answer = { markup, document }[said] ?? thai;
    const pieces = answer.match(/[^]{1,7}/g);
    if (said === "slow") {
      for (let i = 0; !response.destroyed && i < 3000; i++) {
        text(`ชิ้นที่ ${i} `);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    } else if (said === "cut") {
      text("ครึ่งหนึ่ง");
      return setTimeout(() => response.destroy(), 50);
    } else if (said === "lost") {
      text("ครึ่งหนึ่ง");
      response.write('data: {"error":{"message":"The device was lost","type":"server_error","code":"device_lost"}}\n\n');
      return response.end();
    } else {
      pieces.forEach(text);
    }
    event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    event({ choices: [], usage: { prompt_tokens: 20, completion_tokens: pieces.length, total_tokens: 20 + pieces.length } });
    response.end("data: [DONE]\n\n");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  state.url = `http://127.0.0.1:${server.address().port}${prefix}`;
  state.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return state;
}
