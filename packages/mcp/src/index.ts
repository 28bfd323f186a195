/** Actors as MCP servers over Streamable HTTP. May use the definitions of actors and the client. */
export { mcpLimits } from "./limits.ts";
export { type McpServer, mcp } from "./mcp.ts";
export type { McpOptions, McpRegistry, OAuthOptions, VerifiedToken } from "./options.ts";
