// The TypeScript SDK v2: node typescript_v2.mjs auto|legacy|VERSION COMMAND [ARGUMENTS...]
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [chosen, command, ...args] = process.argv.slice(2);
const mode = chosen.startsWith("20") ? { pin: chosen } : chosen;
const client = new Client({ name: "typescript-v2", version: "1.0.0" }, { versionNegotiation: { mode } });
await client.connect(new StdioClientTransport({ command, args, stderr: "inherit" }));
const { tools } = await client.listTools();
const created = await client.callTool({ name: "create_goal", arguments: { name: "From TypeScript" } });
const missing = await client.callTool({ name: "get_goal", arguments: { goal_id: 999 } });
console.log(
  JSON.stringify({
    protocol: client.getNegotiatedProtocolVersion(),
    server: client.getServerVersion().name,
    tools: tools.map((tool) => tool.name),
    created: created.structuredContent,
    missing: { isError: missing.isError, text: missing.content[0].text },
  }),
);
await client.close();
