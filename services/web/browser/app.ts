/** What the pages do by themselves, where scripts are allowed. Without them everything works by links and forms. */
export {};
