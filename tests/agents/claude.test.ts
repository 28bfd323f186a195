import { agentSuite } from "./support/suite.ts";

agentSuite({ id: "claude", asksForEdits: true, tellsFailures: true, callsMcpTools: true });
