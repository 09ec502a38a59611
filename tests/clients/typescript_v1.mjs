// The TypeScript SDK v1, which knows the protocol up to 2025-11-25: node typescript_v1.mjs COMMAND [ARGUMENTS...]
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: "typescript-v1", version: "1.0.0" });
await client.connect(new StdioClientTransport({ command, args, stderr: "inherit" }));
const { tools } = await client.listTools();
const created = await client.callTool({ name: "create_goal", arguments: { name: "From TypeScript" } });
const missing = await client.callTool({ name: "get_goal", arguments: { goal_id: 999 } });
console.log(
  JSON.stringify({
    server: client.getServerVersion().name,
    instructions: client.getInstructions(),
    tools: tools.map((tool) => tool.name),
    created: created.structuredContent,
    missing: { isError: missing.isError, text: missing.content[0].text },
  }),
);
await client.close();
