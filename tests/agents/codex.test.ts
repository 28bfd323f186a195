import { agentSuite } from "./support/suite.ts";

agentSuite({ id: "codex", asksForEdits: true, tellsFailures: true, callsMcpTools: true });
