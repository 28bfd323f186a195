/** Version of this build; shown in the system status and reported to agents. */
export { version as studioVersion } from "@holdfast/core";
