/** Colours of a poster: the background, two tones on it (far and near), a light tone, and the text colour. */
export interface Palette {
  ground: string;
  far: string;
  near: string;
  light: string;
  ink: string;
}

const palette = (ground: string, far: string, near: string, light: string, ink: string): Palette => ({
  ground,
  far,
  near,
  light,
  ink,
});

const night = [
  palette('#14182b', '#27335c', '#3d5a98', '#f2c14e', '#f6efdc'),
  palette('#0f2027', '#1f4a53', '#2f7f86', '#ffb88a', '#f3f0e4'),
  palette('#1d1427', '#45235c', '#8a3d7d', '#ff9f6b', '#fbeee2'),
  palette('#101820', '#28405a', '#5d7f99', '#f0e6c8', '#f5f2e8'),
];
const ember = [
  palette('#2a0f12', '#6b1d1f', '#b8352b', '#f7b267', '#fdeeda'),
  palette('#1b1512', '#5a2a1b', '#c2521f', '#ffd27a', '#fff1dc'),
  palette('#3a1420', '#8c2438', '#d9583f', '#ffc9a0', '#fff0e4'),
];
const paper = [
  palette('#f1e4cd', '#e0b98c', '#c8553d', '#f7a93b', '#2b2118'),
  palette('#ece6d8', '#9fb8ad', '#2f5d62', '#e4703f', '#1f2a2b'),
  palette('#f6ead7', '#f3c98b', '#3c6e91', '#d1495b', '#22303c'),
  palette('#e9e4d4', '#d3b88c', '#7a8450', '#b5532a', '#2a2a1c'),
];
const candy = [
  palette('#fbe3d6', '#f7b7a3', '#ea5f5b', '#2a9d8f', '#3a1f2b'),
  palette('#fdf0c9', '#f6c453', '#ef6f45', '#3d7ea6', '#2c2433'),
  palette('#e3efe6', '#9fd3c1', '#3a8f85', '#f28f6b', '#17343a'),
  palette('#f5dfe8', '#e7a0bd', '#a4446f', '#f0b24f', '#3a1730'),
];
const forest = [
  palette('#14221b', '#24493a', '#4c8062', '#f1d27b', '#f2f0dc'),
  palette('#1c2b33', '#31586b', '#6a9a8b', '#f6cf9b', '#f4efe2'),
  palette('#e6e3cc', '#a9b88a', '#4d6b4a', '#d98a3d', '#20291c'),
];
const dusk = [
  palette('#2b1b3d', '#6a3a6f', '#c75d71', '#ffbf86', '#fff0e3'),
  palette('#20304f', '#5a5f9b', '#d0798b', '#ffd19a', '#fff3e6'),
  palette('#3b2028', '#9a4a4a', '#e08a5b', '#ffe0a6', '#fff4e2'),
];
const noir = [
  palette('#151413', '#35322e', '#6f675c', '#e3c77f', '#f4ecd8'),
  palette('#191b1f', '#3a4048', '#7a828c', '#d9553f', '#f1ede3'),
  palette('#e8e2d4', '#b7ae9c', '#4b463f', '#b3392c', '#1d1b19'),
];

export const palettes = { night, ember, paper, candy, forest, dusk, noir };
