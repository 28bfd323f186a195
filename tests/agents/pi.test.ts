import { agentSuite } from "./support/suite.ts";

agentSuite({ id: "pi", asksForEdits: false, tellsFailures: false, callsMcpTools: false });
