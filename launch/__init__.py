"""What ./run, ./test and ./bench share: the environment, the processes, the words. Standard library only."""
