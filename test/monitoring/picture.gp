# Four of the dashboard's panels.
set terminal svg size 900,560 font "sans-serif,12" background "white"
set multiplot layout 2,2
set key top left
set grid lc rgb "#dddddd"
set border 3
set tics nomirror
set yrange [0:*]
set xlabel "seconds"
set title "Waiting sessions"
plot "data" using 1:2 with steps lw 2 title "jobs", "data" using 1:6 with steps lw 2 title "imports"
set title "Oldest wait (s)"
plot "data" using 1:3 with lines lw 2 title "jobs", "data" using 1:7 with lines lw 2 title "imports"
set title "Longest hold now (s)"
plot "data" using 1:4 with lines lw 2 title "jobs", "data" using 1:8 with lines lw 2 title "imports"
set title "Grants a second"
plot "data" using 1:5 with lines lw 2 title "jobs", "data" using 1:9 with lines lw 2 title "imports"
unset multiplot
