/** The folder that has one folder for each plugin: `plugins.builtInDirectory` of a gate. */
export const pluginsDirectory: string = import.meta.dirname;
