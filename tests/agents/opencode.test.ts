import { drivenSuite } from "./support/driven-suite.ts";

drivenSuite({ id: "opencode", callsMcpTools: true, tellsSkills: true });
