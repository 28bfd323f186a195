import { drivenSuite } from "./support/driven-suite.ts";

drivenSuite({ id: "copilot", callsMcpTools: false, tellsSkills: true });
