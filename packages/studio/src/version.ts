/** The version of this build; shown in the system status and told to agents. */
export const studioVersion = "0.1.0";
