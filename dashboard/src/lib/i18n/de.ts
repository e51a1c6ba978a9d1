// The German catalogue, loaded when it is wanted.
import { frame } from './de/frame';
import { manage } from './de/manage';
import { told } from './de/told';
import { work } from './de/work';
import type { Catalogue } from './en';

export const de: Catalogue = { ...frame, ...work, ...manage, ...told };
