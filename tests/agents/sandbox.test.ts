import { drivenSuite } from "./support/driven-suite.ts";

drivenSuite({ id: "claude", callsMcpTools: true, tellsSkills: true });
drivenSuite({ id: "codex", callsMcpTools: true, tellsSkills: true });
drivenSuite({ id: "pi", callsMcpTools: false, tellsSkills: false });
