// The npm clients: `node clients.mjs NAME URL`, then the name of a step a line on standard input. See play.py.
import { createInterface } from "node:readline";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Chat } from "@ai-sdk/react";
import {
  DefaultChatTransport, generateText, jsonSchema, lastAssistantMessageIsCompleteWithToolCalls, stepCountIs, streamText,
  tool, validateUIMessages,
} from "ai";
import OpenAI from "openai";
import { Marquee } from "../../examples/typescript/client.ts";

const [name, url] = process.argv.slice(2);
const HELLO = [{ role: "user", content: "hello" }];
const TOWN = { type: "object", properties: { town: { type: "string" } }, required: ["town"], additionalProperties: false };
const left = () => console.log(JSON.stringify({ left: true }));
const key = () => crypto.randomUUID();

class NpmOpenAI {
  #client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
  #weather = { type: "function", function: { name: "weather", description: "Of a town", parameters: TOWN } };

  async #text(stream) {
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    return text;
  }
  #stream(options, more = {}) {
    return this.#client.chat.completions.create({ model: "scripted", messages: HELLO, stream: true, ...more }, options);
  }
  async whole() {
    const answer = await this.#client.chat.completions.create({ model: "scripted", messages: HELLO });
    return { text: answer.choices[0].message.content };
  }
  async stream() {
    const stream = this.#client.chat.completions.stream({ model: "scripted", messages: HELLO });
    return { text: await stream.finalContent() };
  }
  async tools() {
    const given = [];
    const weather = { ...this.#weather.function, function: (args) => (given.push(args), "sunny"), parse: JSON.parse };
    const runner = this.#client.chat.completions.runTools({
      model: "scripted", messages: HELLO, stream: true, tools: [{ type: "function", function: weather }],
    });
    return { text: await runner.finalContent(), given };
  }
  async refused() {
    await this.whole();
  }
  async broken() {
    await this.#text(await this.#stream());
  }
  async cancel() {
    const stream = await this.#stream();
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  }
  async resume() {
    const headers = { "Idempotency-Key": key() };
    let text = "";
    for await (const chunk of await this.#stream({ headers })) if ((text = chunk.choices[0]?.delta.content)) break;
    left();
    return { text: await this.#text(await this.#stream({ headers })), begun: text };
  }
  /** A response by the helper that streams, and the rest of it behind each of its events. */
  async responses() {
    const stream = this.#client.responses.stream({ model: "scripted", input: "hello", background: true });
    const seen = [];
    for await (const event of stream) seen.push(event.sequence_number);
    const { id, output_text } = await stream.finalResponse();
    for (const number of seen) {
      const rest = [];
      const again = await this.#client.responses.retrieve(id, { stream: true, starting_after: number });
      for await (const event of again) rest.push(event.sequence_number);
      if (rest.join() !== seen.slice(number + 1).join()) throw new Error(`${rest} behind ${number} of ${seen}`);
    }
    return { text: output_text, cursors: seen.length };
  }
}

class AiSdk {
  #model = (headers = {}) => createOpenAICompatible({ name: "marquee", baseURL: `${url}/v1`, headers })("scripted");
  #stream(more = {}, headers = {}) {
    return streamText({ model: this.#model(headers), messages: HELLO, onError: () => {}, ...more });
  }
  async #text(result) {
    let text = "";
    for await (const part of result.fullStream) {
      if (part.type === "text-delta") text += part.text;
      if (part.type === "error") throw part.error;
    }
    return text;
  }
  async whole() {
    return { text: (await generateText({ model: this.#model(), messages: HELLO })).text };
  }
  async stream() {
    return { text: await this.#text(this.#stream()) };
  }
  async tools() {
    const given = [];
    const weather = tool({
      description: "Of a town", inputSchema: jsonSchema(TOWN), execute: (args) => (given.push(args), "sunny"),
    });
    const result = this.#stream({ tools: { weather }, stopWhen: stepCountIs(5) });
    return { text: await this.#text(result), given };
  }
  async refused() {
    await generateText({ model: this.#model(), messages: HELLO, maxRetries: 0 });
  }
  async broken() {
    await this.#text(this.#stream());
  }
  async cancel() {
    const abort = new AbortController();
    for await (const _ of this.#stream({ abortSignal: abort.signal }).textStream) break;
    abort.abort();
  }
  async resume() {
    const headers = { "Idempotency-Key": key() };
    const abort = new AbortController();
    let begun = "";
    for await (const part of this.#stream({ abortSignal: abort.signal }, headers).textStream) if ((begun = part)) break;
    abort.abort();
    left();
    return { text: await this.#text(this.#stream({}, headers)), begun };
  }
}

class UseChat {
  #given = [];
  #new(id = key(), messages = []) {
    const weather = { name: "weather", description: "Of a town", parameters: TOWN };
    const chat = new Chat({
      id,
      messages,
      transport: new DefaultChatTransport({ api: `${url}/ui/chat`, body: { actions: [weather] } }),
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
      onToolCall: ({ toolCall }) => {
        this.#given.push(toolCall.input);
        chat.addToolOutput({ tool: toolCall.toolName, toolCallId: toolCall.toolCallId, output: "sunny" });
      },
    });
    return chat;
  }
  #text(chat) {
    return chat.lastMessage.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
  }
  /** Compares what the client has with what a client that begins now is given. */
  async #compare(chat) {
    const { messages } = await (await fetch(`${url}/ui/chat/${chat.id}`)).json();
    await validateUIMessages({ messages });
    const plain = (message) => JSON.stringify({ ...JSON.parse(JSON.stringify(message)), id: 0 }, sorted);
    const [mine, theirs] = [chat.messages, messages].map((list) => list.map(plain));
    if (mine.join() !== theirs.join()) throw new Error(`${mine}\nis not\n${theirs}`);
  }
  async #until(chat, holds) {
    while (!holds() && !chat.error) await new Promise((done) => setTimeout(done, 5));
    if (chat.error) throw chat.error;
  }
  #begun(chat) {
    return this.#until(chat, () => chat.lastMessage?.role === "assistant" && this.#text(chat));
  }
  #ready(chat) {
    return this.#until(chat, () => chat.status === "ready");
  }
  async #send(chat) {
    await chat.sendMessage({ text: "hello" });
    await this.#ready(chat);
    await this.#compare(chat);
    return { text: this.#text(chat) };
  }
  async whole() {
    return this.#send(this.#new());
  }
  async stream() {
    return this.#send(this.#new());
  }
  async tools() {
    const answer = await this.#send(this.#new());
    return { ...answer, given: this.#given };
  }
  async refused() {
    await this.#send(this.#new());
  }
  async broken() {
    await this.#send(this.#new());
  }
  async cancel() {
    const chat = this.#new();
    chat.sendMessage({ text: "hello" });
    await this.#begun(chat);
    await fetch(`${url}/ui/chat/${chat.id}/stop`, { method: "POST" });
    await this.#ready(chat);
    await this.#compare(chat);
  }
  async resume() {
    const first = this.#new();
    const sent = first.sendMessage({ text: "hello" });
    await this.#begun(first);
    const begun = this.#text(first);
    await first.stop();
    await sent;
    const again = this.#new(first.id, (await (await fetch(`${url}/ui/chat/${first.id}`)).json()).messages);
    const resumed = again.resumeStream();
    await this.#begun(again);
    left();
    await resumed;
    await this.#ready(again);
    await this.#compare(again);
    return { text: this.#text(again), begun };
  }
}

/** Our own client of examples/typescript. */
class Typed {
  #marquee = new Marquee(url);

  async #open() {
    return (await this.#marquee.open({ actions: [{ name: "weather", description: "Of a town", parameters: TOWN }] })).id;
  }
  async #send(session) {
    let text = "";
    for await (const event of this.#marquee.send(session ?? (await this.#open()), { content: "hello" })) {
      if (event.type === "text.delta") text += event.delta;
      if (event.type === "run.failed") throw new Error(event.error.detail);
      if (event.type === "run.requires_action") return event.run;
    }
    return { text };
  }
  async whole() {
    return this.#send();
  }
  async stream() {
    return this.#send();
  }
  async tools() {
    const given = [];
    const run = await this.#send();
    for await (const event of this.#marquee.follow(run.id))
      if (event.type === "action.call") given.push(event.arguments);
    const { messages } = await this.#marquee.call("post", "/runs/{run_id}/actions", {
      path: { run_id: run.id },
      body: { results: [{ call_id: "call_2", output: "sunny" }] },
      headers: { Accept: "application/json" },
    });
    return { text: messages.at(-1).content, given };
  }
  async refused() {
    await this.#send();
  }
  async broken() {
    await this.#send();
  }
  async cancel() {
    let run;
    for await (const event of this.#marquee.send(await this.#open(), { content: "hello" })) {
      if (event.type === "run.created") run = event.run.id;
      if (event.type === "text.delta") await this.#marquee.call("post", "/runs/{run_id}/cancel", { path: { run_id: run } });
    }
  }
  async resume() {
    let run, seen, begun, text = "";
    for await (const event of this.#marquee.send(await this.#open(), { content: "hello" })) {
      run ??= event.run.id;
      seen = event.sequence;
      if (event.type === "text.delta") {
        begun = event.delta;
        break;
      }
    }
    left();
    for await (const event of this.#marquee.follow(run, seen)) if (event.type === "text.delta") text += event.delta;
    return { text: begun + text, begun };
  }
}

/** Keys in one order, whichever they came in. */
function sorted(_, value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const client = new { openai: NpmOpenAI, ai: AiSdk, useChat: UseChat, typed: Typed }[name]();
for await (const step of createInterface({ input: process.stdin })) {
  let told;
  try {
    told = (await client[step]()) ?? {};
  } catch (error) {
    told = { raised: error.constructor.name, message: String(error.message) };
  }
  console.log(JSON.stringify(told));
}
process.exit();
