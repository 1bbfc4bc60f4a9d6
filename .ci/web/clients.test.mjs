// The packages with which people ask OpenAI's API in JavaScript, with sealvk serve and its demo model.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import OpenAI from "openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, Output, streamText } from "ai";
import { z } from "zod";
import { serve } from "./serve.mjs";

const key = "a-key-of-tests";
const { address, stop } = await serve("--api-key", key, "--parallel", "1", "--queue", "1", "--alias", "nano");
after(stop);

const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: key, maxRetries: 0 });
const model = createOpenAICompatible({ name: "sealvk", baseURL: `${address}/v1`, apiKey: key, supportsStructuredOutputs: true, includeUsage: true })("nano");

const question = "What is the capital of Thailand?";
const answer = "The capital of Thailand is Bangkok.";
const messages = [{ role: "user", content: question }];
const greedy = { model: "nano", messages, temperature: 0 };

/** endless asks for an answer that takes the whole context. */
const endless = { model: "nano", prompt: "Once upon a time", ignore_eos: true, max_tokens: 900 };

const schema = { type: "object", properties: { city: { type: "string", maxLength: 12 }, large: { type: "boolean" } }, required: ["city", "large"], additionalProperties: false };

/** running tells how many answers are being computed, or wait. */
async function running() {
  const text = await (await fetch(`${address}/metrics`, { headers: { Authorization: `Bearer ${key}` } })).text();
  const found = [...text.matchAll(/^sealvk_answers_(?:running|waiting) (\d+)$/gm)];
  assert.equal(found.length, 2);
  return found.reduce((sum, gauge) => sum + Number(gauge[1]), 0);
}

/** idle waits until the server has nothing to do. */
async function idle() {
  while ((await running()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("openai: models, chat, usage", async () => {
  assert.deepEqual((await client.models.list()).data.map((m) => m.id), ["nano"]);
  const r = await client.chat.completions.create(greedy);
  assert.equal(r.choices[0].message.content, answer);
  assert.equal(r.choices[0].finish_reason, "stop");
  assert.equal(r.usage.total_tokens, r.usage.prompt_tokens + r.usage.completion_tokens);
});

test("openai: stream with usage and log-probabilities", async () => {
  const stream = await client.chat.completions.create({ ...greedy, stream: true, stream_options: { include_usage: true }, logprobs: true, top_logprobs: 2 });
  let text = "", usage, finish, tokens = 0;
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage;
    for (const c of chunk.choices) {
      text += c.delta.content ?? "";
      finish = c.finish_reason ?? finish;
      for (const l of c.logprobs?.content ?? []) {
        tokens++;
        assert.equal(l.top_logprobs.length, 2);
        assert.equal(l.top_logprobs[0].logprob, l.logprob); // what is greedy is the likeliest
      }
    }
  }
  assert.equal(text, answer);
  assert.equal(finish, "stop");
  assert.equal(usage.completion_tokens, tokens);
});

test("openai: streaming helper gives the same whole", async () => {
  const whole = await client.chat.completions.stream(greedy).finalChatCompletion();
  assert.equal(whole.choices[0].message.content, answer);
});

test("openai: stop, completions, log-probabilities of a prompt", async () => {
  const stopped = await client.chat.completions.create({ ...greedy, stop: [" is"] });
  assert.equal(stopped.choices[0].message.content, "The capital of Thailand");
  const r = await client.completions.create({ model: "nano", prompt: [question, "Hello"], temperature: 0, max_tokens: 1, echo: true, logprobs: 1 });
  assert.equal(r.choices.length, 2);
  for (const c of r.choices) {
    assert.equal(c.logprobs.token_logprobs[0], null);
    assert.ok(c.logprobs.token_logprobs.slice(1).every((x) => x <= 0));
    assert.equal(c.logprobs.tokens.length, c.logprobs.text_offset.length);
  }
});

test("openai: an answer by a JSON Schema", async () => {
  const r = await client.chat.completions.create({ ...greedy, temperature: 1, seed: 7, response_format: { type: "json_schema", json_schema: { name: "city", strict: true, schema } } });
  assert.equal(r.choices[0].finish_reason, "stop");
  const value = JSON.parse(r.choices[0].message.content);
  assert.deepEqual([typeof value.city, typeof value.large, Object.keys(value).length], ["string", "boolean", 2]);
});

test("openai: errors", async () => {
  await assert.rejects(client.chat.completions.create({ ...greedy, temperature: -1 }), (e) => e instanceof OpenAI.BadRequestError && e.param === "temperature");
  await assert.rejects(client.chat.completions.create({ ...greedy, messages: [{ role: "user", content: question.repeat(400) }] }), (e) => e.status === 400 && e.code === "context_length_exceeded" && /\d+ tokens/.test(e.message));
  await assert.rejects(client.chat.completions.create({ ...greedy, response_format: { type: "json_schema", json_schema: { name: "x", schema: { not: {} } } } }), (e) => e.status === 400 && /not/.test(e.message));
  await assert.rejects(client.withOptions({ apiKey: "another" }).models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.get("/nothing"), OpenAI.NotFoundError);
});

test("openai: a full queue says when to come again, and what is left makes room", async () => {
  await idle();
  const leave = new AbortController();
  const held = [1, 2].map(() => client.completions.create({ ...endless, stream: true }, { signal: leave.signal }).then(async (stream) => { for await (const _ of stream); }));
  while ((await running()) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  await assert.rejects(client.chat.completions.create(greedy), (e) => e instanceof OpenAI.RateLimitError && Number(e.headers.get("retry-after")) > 0);
  leave.abort();
  await Promise.allSettled(held);
  await idle(); // neither has come to its end, which is far away
  assert.equal((await client.chat.completions.create(greedy)).choices[0].message.content, answer);
});

test("openai: a stream that is left in its middle", async () => {
  const stream = await client.completions.create({ ...endless, stream: true });
  let pieces = 0;
  for await (const _ of stream) if (++pieces === 3) break;
  await idle();
});

test("ai: text, and a stream of it", async () => {
  const whole = await generateText({ model, prompt: question, temperature: 0, maxRetries: 0 });
  assert.deepEqual([whole.text, whole.finishReason], [answer, "stop"]);
  const stream = streamText({ model, prompt: question, temperature: 0, maxRetries: 0 });
  let text = "";
  for await (const part of stream.textStream) text += part;
  assert.equal(text, answer);
  assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
  const stopped = await generateText({ model, prompt: question, temperature: 0, stopSequences: [" is"], maxRetries: 0 });
  assert.equal(stopped.text, "The capital of Thailand");
});

test("ai: an object by a schema", async () => {
  const shape = z.object({ city: z.string().max(12), large: z.boolean() });
  const { output } = await generateText({ model, prompt: question, seed: 3, maxRetries: 0, output: Output.object({ schema: shape }) });
  assert.ok(shape.safeParse(output).success);
});

test("ai: errors, and a stream that is left", async () => {
  await assert.rejects(generateText({ model, prompt: question, temperature: -1, maxRetries: 0 }), (e) => APICallError.isInstance(e) && e.statusCode === 400 && /temperature/.test(e.message));
  const leave = new AbortController();
  const stream = streamText({ model, prompt: "Once upon a time", temperature: 1, maxRetries: 0, abortSignal: leave.signal, stopSequences: [], providerOptions: { sealvk: { ignore_eos: true } } });
  let parts = 0;
  for await (const part of stream.fullStream) if (part.type === "text-delta" && ++parts === 2) leave.abort();
  await idle();
});
