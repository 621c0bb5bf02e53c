// The official TypeScript clients against the running service, over HTTP and standard input and output; run by
// mcp_conformance.sh:  node mcp_clients.mjs SERVICE PYTHON MAIN
import assert from "node:assert/strict";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as EarlierClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as EarlierStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as EarlierHTTP } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [service, command, main] = process.argv.slice(2);
const info = { name: "tests", version: "1" };
const env = { DATA_DIR: process.env.DATA_DIR, LOG_LEVEL: "WARNING" };
const url = new URL("/mcp", service);
const started = { command, args: [main, "mcp"], env };
const negotiating = () => new Client(info, { versionNegotiation: { mode: "auto" } });

const CASES = [
  ["client 2, HTTP", negotiating(), new StreamableHTTPClientTransport(url), "2026-07-28"],
  ["client 2, stdio", negotiating(), new StdioClientTransport(started), "2026-07-28"],
  ["client 2, legacy, HTTP", new Client(info), new StreamableHTTPClientTransport(url), "2025-11-25"],
  ["sdk 1, HTTP", new EarlierClient(info), new EarlierHTTP(url)],
  ["sdk 1, stdio", new EarlierClient(info), new EarlierStdio(started)],
];

for (const [name, client, transport, version] of CASES) {
  await client.connect(transport);
  if (version) assert.equal(client.getNegotiatedProtocolVersion(), version);
  const { tools } = await client.listTools();
  assert.equal(tools.length, 12);
  const found = await client.callTool({ name: "similar_movies", arguments: { movies: ["Heat (1995)"], limit: 3 } });
  assert.equal(found.structuredContent.movies.length, 3);
  assert.match(found.content[0].text, /The Usual Suspects/);
  const wrong = await client.callTool({ name: "search_movies", arguments: { limit: 999 } });
  assert.equal(wrong.isError, true);
  const { messages } = await client.getPrompt({ name: "ratings_prompt_per_user", arguments: { user_id: "7" } });
  assert.match(messages[0].content.text, /rated these movies highest/);
  const { resourceTemplates } = await client.listResourceTemplates();
  const { contents } = await client.readResource({ uri: resourceTemplates[0].uriTemplate.replace("{movie_id}", "1") });
  assert.equal(JSON.parse(contents[0].text).movie_id, 1);
  const app = tools.find((tool) => tool.name === "recommend")._meta.ui.resourceUri;
  assert.equal((await client.readResource({ uri: app })).contents[0].mimeType, "text/html;profile=mcp-app");
  await assert.rejects(client.readResource({ uri: "marquee://movies/0" }), /no such movie/);
  await client.close();
  console.log(`${name}: works`);
}
