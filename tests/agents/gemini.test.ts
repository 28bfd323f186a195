import { agentSuite } from "./support/suite.ts";

agentSuite({ id: "gemini", asksForEdits: true, tellsFailures: true, callsMcpTools: true, brief: true });
