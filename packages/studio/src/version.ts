/** Version of this build; shown in the system status and reported to agents. */
export const studioVersion = "0.1.0";
